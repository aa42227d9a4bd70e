/** What an Event says. */
export interface EventNote {
  readonly type: 'Normal' | 'Warning';
  /** Why, as one CamelCase word: `QuotaRaised`. At most 128 characters. */
  readonly reason: string;
  /** For people. Cut at 1,024 bytes. Never put a secret here: Events are widely readable. */
  readonly message: string;
  /** What was done, as one CamelCase word. Default: the reason. */
  readonly action?: string;
}
