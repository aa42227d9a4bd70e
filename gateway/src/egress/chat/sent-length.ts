/** Numbers with an exponent, and what looks like one in a text: it may hold JSON that a provider's own protocol has taken apart. */
const exponents = /\d[eE](?=[+-]?\d)/g;

/** 1e20, which is four characters, goes out as 21. No number gains more. */
const mostGained = 17;

/** Bytes of a body that came in, once it is written again, at most. */
export const sentLength = (body: Buffer): number => body.length + (body.toString('latin1').match(exponents)?.length ?? 0) * mostGained;
