import { errors } from '../errors/index.js';

/** How many images are in the house; no more than a limit, so that memory has one, too. */
export class Admission {
  #inside = 0;

  constructor(
    private readonly limit: number,
    private readonly onChange: (inside: number) => void,
  ) {}

  enter(images: number): void {
    if (this.#inside + images > this.limit) throw errors.serverBusy(this.#inside + images, this.limit);
    this.#change(images);
  }

  leave(images: number): void {
    this.#change(-images);
  }

  #change(by: number): void {
    this.#inside += by;
    this.onChange(this.#inside);
  }
}
