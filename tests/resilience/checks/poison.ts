import type { PoisonState } from '../held.ts'
import type { Check } from './finding.ts'

const faultOf = (
  { fate, behind, isPublished, isPutAside, isDeadLetter }: PoisonState,
  all: Map<string, PoisonState>,
) => {
  if (fate === 'dead letter') return isDeadLetter ? undefined : 'is no dead letter'
  if (fate === 'refused') return isDeadLetter || isPutAside ? undefined : 'is neither a dead letter nor put aside'
  // Free to leave once the one before it is a dead letter, and not earlier.
  if (behind !== undefined && all.get(behind)?.isDeadLetter) return undefined
  if (isPublished) return 'left before the one that it depends on'
  return isPutAside ? undefined : 'is not put aside'
}

export const poisonIsPutAside: Check = (_seen, { poison }) => {
  const all = new Map(poison.map((one) => [one.id, one]))
  const count = (fate: PoisonState['fate']) => poison.filter((one) => one.fate === fate).length
  return {
    proven: poison.length,
    kinds: {
      'for consumers': count('dead letter'),
      'that the broker refuses': count('refused'),
      'behind those': count('held'),
      'dead letters': poison.filter(({ isDeadLetter }) => isDeadLetter).length,
    },
    faults: poison.flatMap((one) => {
      const fault = faultOf(one, all)
      return fault ? [`${one.id}, ${one.what}, ${fault}`] : []
    }),
  }
}
