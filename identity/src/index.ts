export * from './api-key.ts';
export * from './caller-token.ts';
