/** `GET` and `PUT /api/v1/tenants/{id}/settings`. */
import type { RequestHandler, Response } from 'express';
import type { AgentDocument } from '@cloister/tenancy';
import { inForce } from '../../agent/in-force.ts';
import { fail } from '../../errors.ts';
import { violations } from '../../settings/bounds.ts';
import { requiredVersion, settingsTag } from '../../settings/etag.ts';
import type { StoredSettings } from '../../settings/settings-store.ts';
import { noSettings, settingsBody, settingsOf, type TenantSettings } from '../../settings/tenant-settings.ts';
import type { AgentParts } from '../agent-parts.ts';
import { parseInput } from '../parse.ts';
import { callerOf } from '../request-context.ts';

export function getSettings({ document, settingsStore }: AgentParts): RequestHandler {
  return async (_request, response) => {
    answer(response, document, await settingsStore.read());
  };
}

/** Replaces all settings: what is left out or null goes back to the AgentConfig's value. */
export function putSettings({ document, settingsStore }: AgentParts): RequestHandler {
  return async (request, response) => {
    const settings = settingsOf(parseInput(settingsBody, request.body));
    refuseViolations(document, settings);
    const expected = requiredVersion(request.get('if-match'), (await settingsStore.read()).version, document);
    const stored = await settingsStore.write(settings, expected, callerOf(request).subject);
    if (!stored) throw fail('precondition_failed', { param: 'if-match' });
    answer(response, document, stored);
  };
}

function refuseViolations(document: AgentDocument, settings: TenantSettings): void {
  const found = violations(document, settings);
  const [first] = found;
  if (first) throw fail('invalid_request', { param: first.field, values: { problem: found.map(({ problem }) => problem).join('; ') } });
}

function answer(response: Response, document: AgentDocument, { version, settings }: StoredSettings): void {
  const { model, temperature = null, maxOutputTokens = null } = inForce(document, noSettings);
  response
    .set({ etag: settingsTag(version, document), 'cache-control': 'private, no-cache' })
    .json({ ...settings, defaults: { model, temperature, maxOutputTokens, additionalInstructions: null }, bounds: document.settings });
}
