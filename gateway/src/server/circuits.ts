/**
 * Agents and model providers that cannot be reached are not asked again and again: callers hear so at once instead of waiting for a connection,
 * and who is starting is left in peace. Each replica knows for itself.
 *
 * A circuit opens after some failures in a row without an answer between them, and stays open for a pause. Then one request in each pause goes
 * through, as a probe: an answer closes the circuit, and so does a connection that comes about, where it is told; a failure doubles the pause.
 */
export interface CircuitRules {
  /** So many in a row open it. */
  readonly failures: number;
  /** Milliseconds. */
  readonly firstPause: number;
  readonly longestPause: number;
  /** Milliseconds after which a failure counts no more. */
  readonly memory: number;
}

export const circuitRules: CircuitRules = { failures: 5, firstPause: 1_000, longestPause: 8_000, memory: 60_000 };

/** Nothing was sent; tells when to ask again. */
export class CircuitOpen extends Error {
  readonly retrySeconds: number;

  constructor(milliseconds: number) {
    super('it could not be reached lately');
    this.name = 'CircuitOpen';
    this.retrySeconds = Math.ceil(milliseconds / 1000);
  }
}

/** A request on its way. Of what it may tell, the first counts; who tells nothing (the caller left) changes nothing. */
export interface Passage {
  readonly answered: () => void;
  /** No answer began. */
  readonly failed: () => void;
  /** It did not go out. If it was a probe, the next request is. */
  readonly untried: () => void;
}

interface Circuit {
  failures: number;
  failedAt: number;
  /** Milliseconds; 0 while it is closed. */
  pause: number;
  probeAt: number;
}

export class Circuits {
  /** Of those that failed and have not worked since. */
  readonly #circuits = new Map<string, Circuit>();
  readonly #rules: CircuitRules;
  readonly #clock: () => number;

  /** `clock` in milliseconds. */
  constructor(rules: CircuitRules = circuitRules, clock: () => number = Date.now) {
    this.#rules = rules;
    this.#clock = clock;
  }

  /** Throws {@link CircuitOpen} where no request must go there now. */
  enter(name: string): Passage {
    const circuit = this.#circuits.get(name);
    const isOpen = circuit !== undefined && circuit.pause > 0;
    if (isOpen) this.#enterAsProbe(circuit);
    const probeAt = circuit?.probeAt;
    return {
      answered: () => void this.#circuits.delete(name),
      failed: () => this.#failed(name, isOpen),
      untried: () => {
        if (isOpen && circuit.probeAt === probeAt) circuit.probeAt = this.#clock();
      },
    };
  }

  /** A connection came about. */
  connected(name: string): void {
    if ((this.#circuits.get(name)?.pause ?? 0) > 0) this.#circuits.delete(name);
  }

  /** How many are known to fail. */
  get size(): number {
    return this.#circuits.size;
  }

  /** How many of these are left alone. One that nobody has asked for as long as a failure counts is none of them. */
  get open(): number {
    this.#forget(this.#clock());
    return [...this.#circuits.values()].filter(({ pause }) => pause > 0).length;
  }

  #enterAsProbe(circuit: Circuit): void {
    const wait = circuit.probeAt - this.#clock();
    if (wait > 0) throw new CircuitOpen(wait);
    circuit.probeAt = this.#clock() + circuit.pause;
  }

  #failed(name: string, asProbe: boolean): void {
    const now = this.#clock();
    this.#forget(now);
    const circuit = this.#circuits.get(name) ?? { failures: 0, failedAt: now, pause: 0, probeAt: 0 };
    // What was under way when the circuit opened fails as well, and says nothing new.
    if (circuit.pause > 0 && !asProbe) return;
    this.#circuits.set(name, circuit);
    circuit.failures++;
    circuit.failedAt = now;
    if (circuit.failures < this.#rules.failures) return;
    circuit.pause = circuit.pause === 0 ? this.#rules.firstPause : Math.min(circuit.pause * 2, this.#rules.longestPause);
    circuit.probeAt = now + circuit.pause;
  }

  #forget(now: number): void {
    for (const [name, { failedAt }] of this.#circuits) if (now - failedAt > this.#rules.memory) this.#circuits.delete(name);
  }
}
