import { callerVerifier, type VerifyCaller } from '@cloister/identity';
import { followSecretFile } from '@cloister/settings';
import { edgeKeys, parseDocument, type AgentDocument } from '@cloister/tenancy';
import type { Logger } from '@cloister/telemetry';

export interface FollowedVerifier {
  readonly verify: VerifyCaller;
  readonly stop: () => void;
}

/** Trusts the keys of edge that stand in a file, from the moment of its change the new ones. Throws where there are none to begin with. */
export function followedVerifier(path: string, rules: AgentDocument['identity'], logger: Logger, everyMs?: number): FollowedVerifier {
  const verifierOf = (text: string) => callerVerifier({ ...rules, jwks: parseDocument(edgeKeys, path, text) });
  const { text, stop } = followSecretFile({
    setting: 'IDENTITY_FILE',
    path,
    ...(everyMs !== undefined && { everyMs }),
    onProblem: (error) => logger.warn({ err: error }, "edge's keys cannot be followed; those before stay in force"),
    onChange: (changed) => {
      verify = verifierOf(changed);
      logger.info({}, "edge's keys have changed");
    },
  });
  let verify = verifierOf(text);
  return { verify: (token) => verify(token), stop };
}
