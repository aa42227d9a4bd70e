/** PromQL as its own grammar reads it. */
import { parser } from '@prometheus-io/lezer-promql';

/** A selector of series: what it names. */
export interface Asked {
  readonly metric: string;
  /** In matchers, and by which what encloses it is grouped. */
  readonly labels: readonly string[];
}

type Node = ReturnType<typeof parser.parse>['topNode'];

const within = (node: Node, name: string): Node[] => {
  const found: Node[] = [];
  node.cursor().iterate((at) => {
    if (at.name === name) found.push(at.node);
  });
  return found;
};

/** Where the grammar finds something that it does not know. */
export function faultsIn(expression: string): string[] {
  const found: string[] = [];
  parser.parse(expression).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) found.push(`at ${from}: "${expression.slice(from, to)}"`);
    },
  });
  return found;
}

/** Of every selector in the expression. */
export function seriesIn(expression: string): Asked[] {
  const textOf = ({ from, to }: Node): string => expression.slice(from, to);
  const labelsIn = (node: Node): string[] => within(node, 'LabelName').map(textOf);
  return within(parser.parse(expression).topNode, 'VectorSelector').map((selector) => {
    const groupings: string[] = [];
    for (let around = selector.parent; around; around = around.parent) {
      const modifier = around.name === 'AggregateExpr' ? around.getChild('AggregateModifier') : null;
      if (modifier) groupings.push(...labelsIn(modifier));
    }
    const [name] = within(selector, 'Identifier');
    return { metric: name ? textOf(name) : '', labels: [...new Set([...labelsIn(selector), ...groupings])] };
  });
}
