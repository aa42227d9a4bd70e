import { issuedKeyObjectName } from '@cloister/tenancy';
import type { IssuedKeyDirectory } from '../../directory/directory.ts';
import type { KeyStore } from './key-store.ts';

/** In this process alone. */
export function localKeyStore(directory: IssuedKeyDirectory): KeyStore {
  return {
    add: (key) => {
      directory.put(issuedKeyObjectName(key.tenant, key.id), key);
      return Promise.resolve();
    },
    remove: (tenant, id) => {
      const known = directory.byId(tenant, id) !== undefined;
      directory.remove(issuedKeyObjectName(tenant, id));
      return Promise.resolve(known);
    },
  };
}
