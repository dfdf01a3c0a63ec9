/**
 * Incremental SHA-256, as FIPS 180-4 defines it. The browser's own crypto.subtle is faster, but needs the whole input at
 * once and is missing outside secure contexts.
 */

const PRIMES = firstPrimes(64);
/** The first 32 bits of the fractional parts of the roots of the first primes (FIPS 180-4, sections 4.2.2 and 5.3.3). */
const CONSTANTS = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));
const START = Int32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

const BLOCK = 64;

export class Sha256 {
  #state = START.slice();
  #schedule = new Int32Array(64);
  #tail = new Uint8Array(BLOCK);
  #tailLength = 0;
  #length = 0;

  /** @param {Uint8Array} bytes the next piece of the input */
  update(bytes) {
    this.#length += bytes.length;
    let offset = 0;
    if (this.#tailLength > 0) {
      offset = Math.min(BLOCK - this.#tailLength, bytes.length);
      this.#tail.set(bytes.subarray(0, offset), this.#tailLength);
      this.#tailLength += offset;
      if (this.#tailLength < BLOCK) return;
      this.#compress(this.#tail, 0);
      this.#tailLength = 0;
    }
    for (; offset + BLOCK <= bytes.length; offset += BLOCK) {
      this.#compress(bytes, offset);
    }
    this.#tail.set(bytes.subarray(offset));
    this.#tailLength = bytes.length - offset;
  }

  /** @returns {Uint8Array} the 32 bytes of the digest; `update` must not be called afterwards */
  digest() {
    const length = this.#length;
    const padding = new Uint8Array(((119 - (length % BLOCK)) % BLOCK) + 9);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    // The length in bits needs 64 bits, of which a number holds 53.
    view.setUint32(padding.length - 8, Math.floor(length / 2 ** 29));
    view.setUint32(padding.length - 4, (length << 3) >>> 0);
    this.update(padding);
    const digest = new DataView(new ArrayBuffer(32));
    for (const [index, word] of this.#state.entries()) digest.setInt32(index * 4, word);
    return new Uint8Array(digest.buffer);
  }

  /**
   * @param {Uint8Array} bytes
   * @param {number} offset of the block
   */
  #compress(bytes, offset) {
    const w = this.#schedule;
    for (let i = 0; i < 16; i += 1, offset += 4) {
      w[i] = (bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) | bytes[offset + 3];
    }
    for (let i = 16; i < 64; i += 1) {
      const x = w[i - 15];
      const y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    const state = this.#state;
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i += 1) {
      const sum1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + sum1 + ((e & f) ^ (~e & g)) + CONSTANTS[i] + w[i]) | 0;
      const sum0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}

/** @param {number} count */
function firstPrimes(count) {
  /** @type {number[]} */
  const primes = [];
  for (let candidate = 2; primes.length < count; candidate += 1) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  return primes;
}

/** @param {number} number */
function fraction(number) {
  return ((number % 1) * 2 ** 32) | 0;
}
