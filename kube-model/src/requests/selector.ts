import { at, textOf } from '../objects/json.ts';
import type { StoredObject } from '../objects/object.ts';
import { badRequest } from './refused.ts';

export type Matches = (object: StoredObject) => boolean;

/** `app=web,tier!=test,env in (a, b),region notin (x),owner,!legacy`, and fields such as `metadata.name=a`. */
export function selectorOf(labels: string | undefined, fields: string | undefined): Matches {
  const byLabel = split(labels).map(labelRequirement);
  const byField = split(fields).map(fieldRequirement);
  return (object) => byLabel.every((holds) => holds(object.metadata.labels ?? {})) && byField.every((holds) => holds(object));
}

/** At commas outside of parentheses. */
const split = (text = ''): string[] =>
  text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');

function labelRequirement(text: string): (labels: Readonly<Record<string, string>>) => boolean {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return (labels) => values.includes(labels[key] ?? '\n') === (operator === 'in');
  }
  const [, key = '', operator, value = ''] = /^([^=!]+?)\s*(==|=|!=)\s*(\S*)$/.exec(text) ?? [];
  if (operator) return (labels) => (labels[key] === value) === (operator !== '!=');
  if (!/^!?[\w./-]+$/.test(text)) throw badRequest(`unable to parse requirement: ${text}`);
  return text.startsWith('!') ? (labels) => !(text.slice(1) in labels) : (labels) => text in labels;
}

function fieldRequirement(text: string): Matches {
  const [, path = '', operator, value = ''] = /^([^=!]+?)(==|=|!=)(.*)$/.exec(text) ?? [];
  if (!operator) throw badRequest(`invalid field selector: ${text}`);
  return (object) => ((textOf(at(object, path.split('.'))) ?? '') === value) === (operator !== '!=');
}
