/**
 * Whether a selector of labels, as the API server takes it, selects what bears these. Undefined where it says more than which labels are there and
 * what they are: sets (`in`, `notin`) are left to the server.
 */
export function selects(selector: string, labels: Readonly<Record<string, string>> = {}): boolean | undefined {
  const all = selector.split(/,(?![^(]*\))/).map((requirement) => holds(requirement.trim(), labels));
  if (all.includes(false)) return false;
  return all.includes(undefined) ? undefined : true;
}

const pattern = /^(?<not>!)?\s*(?<key>[\w./-]+)(?:\s*(?<operator>==|=|!=)\s*(?<value>[\w.-]*))?$/;

function holds(requirement: string, labels: Readonly<Record<string, string>>): boolean | undefined {
  const { not, key, operator, value } = pattern.exec(requirement)?.groups ?? {};
  if (key === undefined || (not !== undefined && operator !== undefined)) return undefined;
  if (operator === undefined) return Object.hasOwn(labels, key) !== (not !== undefined);
  return (labels[key] === value) !== (operator === '!=');
}
