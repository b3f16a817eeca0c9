import type { Rekey } from '@rekey/test-support/rekey'
import { createProver, type Enrolled } from '../second-proofs/second-proofs.fixture.ts'

/** Customers whose restore waits: opened by mail, with an authenticator app that they could not use. */
export const createWaitingCustomers = (rekey: Rekey) => {
  const prover = createProver(rekey)
  return {
    ...prover,
    async waiting(): Promise<Enrolled> {
      const person = await prover.enrolled()
      const { mfaToken } = await prover.secondProofOf(person)
      const { status } = await prover.choose(mfaToken, 'unavailable')
      if (status !== 200) throw new Error(`no restore waits: ${status}`)
      return person
    },
  }
}
