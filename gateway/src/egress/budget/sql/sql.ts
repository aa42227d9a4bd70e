/** The least that the ledger asks of a database: node-postgres in production, PGlite in tests. */
export interface Sql {
  /** One statement with parameters, in a transaction of its own. Frequent ones are given a name, under which they are prepared once. */
  query(text: string, parameters: readonly unknown[], name?: string): Promise<readonly unknown[]>;
  /** Several statements without parameters, in one transaction. */
  script(text: string): Promise<void>;
}
