import type { BaseObject, Change, ChangeHandler } from 'kube-runtime';

/** A cache of which a test says what happens in it. */
export function told<T extends BaseObject>() {
  const handlers: ChangeHandler<T>[] = [];
  return {
    informer: {
      onChange: (handler: ChangeHandler<T>): (() => void) => {
        handlers.push(handler);
        return () => undefined;
      },
    },
    tell: (type: Change<T>['type'], object: T): void => {
      for (const handler of handlers) handler({ type, object, replay: false });
    },
  };
}
