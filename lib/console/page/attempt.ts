/** The value of a function, or another one where it fails: for things of the person's. */
export function attempt<T> (act: () => T, otherwise: T): T {
  try {
    return act()
  } catch {
    return otherwise
  }
}
