/** Whether the browser reports a connection; emits `change`. */
export class Connection extends EventTarget {
  constructor() {
    super();
    for (const type of ["online", "offline"]) {
      globalThis.addEventListener(type, () => this.dispatchEvent(new Event("change")));
    }
  }

  get online() {
    return navigator.onLine;
  }

  /**
   * Waits for some time, or until the connection comes back. Without a connection it always waits for one.
   * @param {number} milliseconds
   * @param {AbortSignal} signal
   * @returns {Promise<void>} rejects with the signal's reason
   */
  wait(milliseconds, signal) {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const listening = new AbortController();
      const timer = setTimeout(() => this.online && end(resolve), milliseconds);
      /** @param {() => void} settle */
      const end = (settle) => {
        clearTimeout(timer);
        listening.abort();
        settle();
      };
      this.addEventListener("change", () => this.online && end(resolve), listening);
      signal.addEventListener("abort", () => end(() => reject(signal.reason)), listening);
    });
  }
}
