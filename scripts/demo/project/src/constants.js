/** In metres: IAU 2012 resolution B2; Julian year times the speed of light. */
export const constants = {
  astronomicalUnit: 149_597_870_700,
  lightYear: 9_460_730_472_580_800,
};
