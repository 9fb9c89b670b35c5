/** The part of the library that is used, so that the rest stays out of the bundle. */
export { armor, Decrypter, identityToRecipient } from "age-encryption";
