/** Where a process stands between its start and its end; what its probes report. */
export class Lifecycle {
  #prepared = false;
  #draining = false;

  /** The database has been reached and migrated once. It may go away again: much of the agent works without. */
  prepared(): void {
    this.#prepared = true;
  }

  drain(): void {
    this.#draining = true;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** New requests are welcome. */
  get ready(): boolean {
    return this.#prepared && !this.#draining;
  }
}
