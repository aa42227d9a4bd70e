/** Keys that a tenant has of its own with model providers. */
import { z } from 'zod';
import { listMap, objectName, rules, secretRef } from './fields.ts';

export const providerKey = z.object({
  provider: objectName().describe('Name of a ModelProvider.'),
  secretRef: secretRef("in the tenant's namespace, which the operator has not made itself")
    .meta(
      rules({
        rule: "!(self.name in ['database', 'redis', 'serving'] || self.name.startsWith('api-key-'))",
        message: 'names a Secret that Cloister makes, whose content must go to no provider; name one of your own',
      }),
    )
    .describe(
      'Where the key is: one line, without spaces within it. Edited, it is followed within a minute; at once if the Secret is labelled cloister.dev/tenant=<name>.',
    ),
  writableByOwners: z
    .boolean()
    .describe(
      "Owners of the tenant may patch the Secret, by its name, and so replace the key or empty it; and read it, which who may patch it can anyway. Only where every entry that names the Secret says so, and never a Secret by which the tenant's users come in.",
    )
    .optional(),
});
export type ProviderKey = z.infer<typeof providerKey>;

export const providerKeys = z
  .array(providerKey)
  .max(32)
  .meta(listMap('provider'))
  .describe(
    "Keys of the tenant's own: models of these providers are called with them, and are on its own bill with the provider. Where one is missing, rejected or at " +
      "its limits, calls fail; the platform's key is not taken instead. Versions before this field do take it.",
  )
  .optional();
