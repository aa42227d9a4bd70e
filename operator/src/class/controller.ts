import { controller, specChanged, type Controller, type ObjectKey } from 'kube-runtime';
import type { Caches } from '../caches.ts';
import { tenantClasses, tenants } from '../kinds.ts';
import { everything } from '../scopes.ts';
import { reconcileClass } from './reconcile.ts';

export function classController({ caches }: { readonly caches: Caches }): Controller {
  const everyClass = (): ObjectKey[] => caches.tenantClasses.list().map(({ metadata }) => ({ name: metadata.name }));
  return controller('class')
    .for(tenantClasses, { ...everything, when: specChanged })
    .watches(tenantClasses, everyClass, { ...everything, when: specChanged })
    .watches(tenants, everyClass, { ...everything, when: specChanged })
    .reconcile((context) => reconcileClass(context, caches));
}
