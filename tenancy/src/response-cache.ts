/**
 * How egress says whether it gave an answer a second time: `hit` where it did and no model was asked, `miss` where it may from now on. Absent
 * where the agent does not want that, or where the same request need not have the same answer. Agents pass it on to callers.
 */
export const cacheHeader = 'x-cloister-cache';
