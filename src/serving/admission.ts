import { errors } from '../errors/index.js';

/** How many pictures are in the house; no more than a limit, so that memory has one, too. */
export class Admission {
  #inside = 0;

  constructor(
    private readonly limit: number,
    private readonly onChange: (inside: number) => void,
  ) {}

  enter(pictures: number): void {
    if (this.#inside + pictures > this.limit) throw errors.serverBusy(this.#inside + pictures, this.limit);
    this.#change(pictures);
  }

  leave(pictures: number): void {
    this.#change(-pictures);
  }

  #change(by: number): void {
    this.#inside += by;
    this.onChange(this.#inside);
  }
}
