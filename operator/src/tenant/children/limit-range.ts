import { child, type Child } from '../../child.ts';
import { limitRanges } from '../../kinds.ts';
import { tenantLabels } from '../../labels.ts';
import { namespaceOf } from '@cloister/tenancy';
import type { TenantSnapshot } from '../observe.ts';

/** For containers that name no resources: without it the quota would refuse their pods. */
export const limitRange = ({ name }: TenantSnapshot): Child =>
  child(limitRanges, {
    metadata: { name: 'tenant', namespace: namespaceOf(name), labels: tenantLabels(name) },
    spec: {
      limits: [{ type: 'Container', defaultRequest: { cpu: '50m', memory: '128Mi' }, default: { cpu: '500m', memory: '256Mi' } }],
    },
  });
