/** A ModelProvider of the test's own at that address, open to these tenants, whose one model `m` costs a micro-dollar for each token of output. */
export const billingModel = (name: string, baseURL: string, { maxOutputTokens, tenants }: BillingModel) => ({
  apiVersion: 'cloister.dev/v1alpha1',
  kind: 'ModelProvider',
  metadata: { name },
  spec: {
    type: 'OpenAICompatible',
    baseURL,
    models: [{ name: 'm', contextWindow: 10_000, maxOutputTokens, price: { inputPerMillion: 0, outputPerMillion: 1 } }],
    tenants: { names: tenants },
  },
});

export interface BillingModel {
  readonly maxOutputTokens: number;
  readonly tenants: readonly string[];
}
