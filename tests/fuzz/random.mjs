// random.mjs - chance that can be had again: everything follows from one seed.

export class Random {
  #state;

  /** @param {number} seed */
  constructor(seed) {
    this.seed = seed >>> 0;
    this.#state = this.seed;
  }

  /** The next 32 bits (mulberry32). */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** From 0 to n - 1. @param {number} n */
  below(n) {
    return n > 0 ? this.next() % n : 0;
  }

  /** True so many times of a hundred. @param {number} percent */
  chance(percent) {
    return this.below(100) < percent;
  }

  /** @template T @param {readonly T[]} some @returns {T} */
  pick(some) {
    return /** @type {T} */ (some[this.below(some.length)]);
  }

  /** @param {number} n */
  bytes(n) {
    return Buffer.from(Array.from({ length: n }, () => this.below(256)));
  }

  /** @param {number} n @param {string} [of] */
  word(n, of = 'abcdefghijklmnopqrstuvwxyz') {
    return Array.from({ length: n }, () => of[this.below(of.length)]).join('');
  }
}
