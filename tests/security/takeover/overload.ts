import type { Answer } from '@rekey/test-support/http'
import type { Rekey } from '@rekey/test-support/rekey'

/**
 * The product, for somebody who notices its answers 503: on a busy machine the broker may answer too late, and the code is
 * spent then. An attack that met one has shown nothing, and is played again.
 */
export const noticeOverload = (rekey: Rekey) => {
  let count = 0
  const noticed = async <A extends Answer<unknown>>(answer: Promise<A>): Promise<A> => {
    if ((await answer).status === 503) count += 1
    return answer
  }
  const { http } = rekey
  const watched: Rekey = {
    ...rekey,
    http: {
      send: (...request) => noticed(http.send(...request)),
      get: (...request) => noticed(http.get(...request)),
      post: (...request) => noticed(http.post(...request)),
    },
  }
  return {
    rekey: watched,
    /** How many answers were 503 until now. */
    count: () => count,
  }
}
