import { canonicalJSON } from '@cloister/tenancy';
import { createHash } from 'node:crypto';

/** Ten hexadecimal digits that change when the value does; the order of object keys does not matter. */
export const shortHash = (value: unknown): string => createHash('sha256').update(canonicalJSON(value)).digest('hex').slice(0, 10);
