import { errors } from '../errors/index.js';

/** Limits the images in progress over all requests, which bounds the memory of the server. */
export class ConcurrencyLimit {
  #inFlight = 0;

  constructor(
    private readonly limit: number,
    private readonly onChange: (inFlight: number) => void,
  ) {}

  /** @throws SERVER_BUSY if the images would exceed the limit */
  acquire(images: number): void {
    if (this.#inFlight + images > this.limit) throw errors.serverBusy(this.#inFlight + images, this.limit);
    this.#add(images);
  }

  release(images: number): void {
    this.#add(-images);
  }

  #add(images: number): void {
    this.#inFlight += images;
    this.onChange(this.#inFlight);
  }
}
