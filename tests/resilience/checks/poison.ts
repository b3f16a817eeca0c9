import type { PoisonState } from '../final-state.ts'
import type { Check } from './finding.ts'

const violationOf = (
  { fate, heldBy, isPublished, isHeld, isDeadLetter }: PoisonState,
  all: Map<string, PoisonState>,
) => {
  if (fate === 'dead letter') return isDeadLetter ? undefined : 'is not a dead letter'
  if (fate === 'rejected') return isDeadLetter || isHeld ? undefined : 'is neither a dead letter nor held'
  // It may be published once the event that holds it is a dead letter, and not earlier.
  if (heldBy !== undefined && all.get(heldBy)?.isDeadLetter) return undefined
  if (isPublished) return 'was published before the event that holds it'
  return isHeld ? undefined : 'is not held'
}

export const poisonIsContained: Check = (_clientLog, { poison }) => {
  const all = new Map(poison.map((one) => [one.id, one]))
  const count = (fate: PoisonState['fate']) => poison.filter((one) => one.fate === fate).length
  return {
    checked: poison.length,
    breakdown: {
      'for consumers': count('dead letter'),
      'rejected by the broker': count('rejected'),
      'held behind those': count('held'),
      'dead letters': poison.filter(({ isDeadLetter }) => isDeadLetter).length,
    },
    violations: poison.flatMap((one) => {
      const violation = violationOf(one, all)
      return violation ? [`${one.id}, ${one.what}, ${violation}`] : []
    }),
  }
}
