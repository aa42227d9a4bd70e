import { isWrite, type ApiRequest, type WriteInterceptor } from './request.ts';

type Send = (request: ApiRequest) => Promise<unknown>;

/** The one door through which every write leaves. */
export class WriteGate {
  readonly #send: Send;
  readonly #interceptors: WriteInterceptor[] = [];

  constructor(send: Send) {
    this.#send = send;
  }

  /** The newest interceptor is the outermost. */
  add(interceptor: WriteInterceptor): () => void {
    this.#interceptors.unshift(interceptor);
    return () => {
      const index = this.#interceptors.indexOf(interceptor);
      if (index >= 0) this.#interceptors.splice(index, 1);
    };
  }

  send(request: ApiRequest): Promise<unknown> {
    const { method = 'GET', path, contentType = 'application/json' } = request;
    if (method === 'GET' || !isWrite(request)) return this.#send(request);
    const through = (index: number, signal: AbortSignal | undefined): Promise<unknown> => {
      const interceptor = this.#interceptors[index];
      if (!interceptor) return this.#send({ ...request, signal });
      return interceptor({ method, path, contentType }, (other) => through(index + 1, other ? join(signal, other) : signal));
    };
    return through(0, request.signal);
  }
}

const join = (a: AbortSignal | undefined, b: AbortSignal): AbortSignal => (a ? AbortSignal.any([a, b]) : b);
