/** What the operator makes in the namespace of a tenant "acme" with an agent "support". */
import { childrenOf } from '../../operator/src/agent/plan.ts';
import { planned } from '../../operator/src/agent/snapshot.fixture.ts';
import { credentialSecret } from '../../operator/src/tenant/children/secrets.ts';
import { wantedOf } from '../../operator/src/tenant/plan.ts';
import { snapshot } from '../../operator/src/tenant/snapshot.fixture.ts';
import { namespace } from './attempts.ts';

const credential = { login: 't_acme$a', password: '', madeAt: new Date(), request: undefined };
const secretOf = (name: string) => credentialSecret('acme', name, { content: { url: `${name}://` }, credential }, undefined);

const bare = snapshot({ namespace: undefined, spec: { owners: [{ kind: 'User', name: 'jane', role: 'viewer' }] } });
const ofTenant = [...wantedOf(bare), ...['database', 'redis', 'serving'].map(secretOf)];

/** Apart from what stands in Cloister's own namespaces. */
export const children = [...ofTenant, ...childrenOf(planned({ spec: { scaling: { min: 1, max: 2 } } })).flat()].filter(
  ({ kind: { namespaced }, desired }) => !namespaced || desired.metadata.namespace === namespace,
);
