/** Routes of egress. Every one of them begins with the pod's token; there is no way in without. */
import type { Logger } from '@cloister/telemetry';
import type { TenantPolicy } from '@cloister/tenancy';
import type { Policies } from '../directory/directory.ts';
import type { Handler } from '../server/application.ts';
import { openExchange } from '../server/exchange.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { VerifyVoucher } from '../voucher/verify-voucher.ts';
import { audited } from './audit/audited.ts';
import { isKeyReportsRoute, keyReports, type KeyReportsParts } from './audit/administration/key-reports.ts';
import type { AuditTrail } from './audit/trail.ts';
import type { AskParts, ModelCall } from './chat/ask-models.ts';
import { chat } from './chat/chat.ts';
import { embeddings } from './embeddings/embeddings.ts';
import { fail } from './errors.ts';
import { callerOf, requireActive } from './pods/caller.ts';
import type { VerifyPod } from './pods/pod-token.ts';
import { vouchedFor } from './pods/vouched.ts';
import { everyUsage, everyUsageRoute, type EveryUsageParts } from './usage/every-tenant.ts';
import { isUsageRoute, usage, type UsageParts } from './usage/usage.ts';

export interface EgressParts extends AskParts, UsageParts, EveryUsageParts, KeyReportsParts {
  readonly policies: Policies;
  readonly verifyPod: VerifyPod;
  readonly verifyVoucher: VerifyVoucher;
  readonly audit: AuditTrail;
  readonly log: Logger;
  readonly tracing?: Tracing | undefined;
}

export function egressHandler(parts: EgressParts): Handler {
  const { policies, verifyPod, verifyVoucher, audit, log, metrics, tracing } = parts;
  return async (request, response, dressed) => {
    const exchange = openExchange(request, response, { log, durations: metrics.durations, tracing });
    const { method = '', url = '' } = request;
    if (!url.startsWith('/')) throw fail('proxy_connect_only', { headers: { allow: 'CONNECT' } });
    const path = pathOf(url);
    if (isUsageRoute(method, path)) {
      exchange.route = '/internal/tenants/{tenant}/{uid}/usage';
      return usage(await dressed(), parts);
    }
    const route = `${method} ${path}`;
    if (isKeyReportsRoute(method, path)) {
      exchange.route = path;
      return keyReports(await dressed(), parts);
    }
    if (route === everyUsageRoute) {
      exchange.route = path;
      return everyUsage(await dressed(), parts);
    }
    const caller = await callerOf(request.headers, verifyPod, policies);
    const { policy, agent } = caller;
    exchange.note({ tenant: policy.tenant, agent });
    const callModel = modelCalls.get(route);
    if (callModel) {
      exchange.route = path;
      const call = { request, response, exchange, policy, agent };
      await audited(call, audit, async () => {
        requireActive(policy);
        const voucher = await vouchedFor(request.headers, caller, verifyVoucher);
        if (voucher) exchange.note({ caller: voucher.caller });
        await callModel({ ...call, voucher }, parts);
      });
      return;
    }
    requireActive(policy);
    if (route !== 'GET /v1/models') throw fail('not_found');
    exchange.route = '/v1/models';
    (await dressed()).response.json(modelsOf(policy));
  };
}

/** Calls of models, each of which is on record. */
const modelCalls: ReadonlyMap<string, (call: ModelCall, parts: AskParts) => Promise<void>> = new Map([
  ['POST /v1/chat/completions', chat],
  ['POST /v1/embeddings', embeddings],
]);

const pathOf = (url: string): string => url.split('?', 1)[0] ?? '';

const modelsOf = ({ models }: TenantPolicy) => ({
  object: 'list',
  data: models.map((id) => ({ id, object: 'model', created: 0, owned_by: id.slice(0, id.indexOf('/')) })),
});
