export * from './api-key.ts';
export * from './caller-token.ts';
export * from './remembered.ts';
