/** For `beforeAll` that opens PGlite: about a second of computing, many times that where several people share the processors. */
export const databaseStartMs = 120_000;
