/** A clock that tests move forward, so that nothing has to be waited for. */
export const createClock = () => {
  let aheadMs = 0
  return {
    now: () => new Date(Date.now() + aheadMs),
    advance(ms: number) {
      aheadMs += ms
    },
  }
}
