/** A time zone, for `TZ`, in which it is about noon now: the day does not change while a test builds, whenever it runs. */
export const noon = `NOON${new Date().getUTCHours() - 12}`;
