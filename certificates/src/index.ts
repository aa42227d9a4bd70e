export { makeAuthority, makeServerCertificate, type Life } from './issue.ts';
export { certificatesIn, readCertificate, readPair, textOf, type KeyPair } from './key-pair.ts';
