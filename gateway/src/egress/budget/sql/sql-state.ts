/** SQLSTATE of what a statement failed with; empty where it is none of Postgres. */
export const sqlStateOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** Classes 22 (data exception) and 23 (constraint violated): saying it again would change nothing. */
export const isAboutTheData = (error: unknown): boolean => /^2[23]/.test(sqlStateOf(error));
