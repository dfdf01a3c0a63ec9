import { anySignal } from "./waiting.js";

/** How a run of an upload is stopped: at once, or after the requests that are in flight. */
export class Stop {
  #now = new AbortController();
  #pause = new AbortController();

  /** Aborted when requests in flight shall end. */
  now = this.#now.signal;

  /** Aborted when nothing new shall begin. */
  soon = anySignal([this.#now.signal, this.#pause.signal]);

  /** Whether the run goes on only until the requests in flight have ended. */
  get isPausing() {
    return this.#pause.signal.aborted && !this.#now.signal.aborted;
  }

  /** @param {DOMException} reason */
  pause(reason) {
    this.#pause.abort(reason);
  }

  /** @param {DOMException} reason */
  abort(reason) {
    this.#now.abort(reason);
  }
}
