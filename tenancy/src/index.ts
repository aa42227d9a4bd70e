export * from './names.ts';
export * from './models.ts';
export * from './scopes.ts';
export * from './document.ts';
export * from './tenant-policy.ts';
export * from './tenant-access.ts';
export * from './provider-document.ts';
export * from './agent-document.ts';
