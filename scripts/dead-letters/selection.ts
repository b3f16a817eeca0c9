import type { Letter } from './letters.ts'

const unitsMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Reads `90s`, `10m`, `2h`, `3d`. @throws Error that names the option */
export const readAge = (option: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  if (count === undefined)
    throw new Error(`--${option} needs a time such as 90s, 10m, 2h or 3d, not ${JSON.stringify(text)}`)
  return Number(count) * unitsMs[unit as keyof typeof unitsMs]
}

/** Reads numbers of dead letters. @throws Error that names the wrong one */
export const readSequences = (texts: readonly string[]): number[] => {
  const wrong = texts.find((text) => !/^[1-9]\d{0,15}$/.test(text))
  if (wrong !== undefined) throw new Error(`${JSON.stringify(wrong)} is no number of a dead letter: see the list`)
  return [...new Set(texts.map(Number))]
}

/** What `list` shows. */
export interface Selection {
  /** Subject of the event, with the wildcards of NATS: `notify.*`. */
  subject?: string | undefined
  /** Part of the reason, in any case. */
  reason?: string | undefined
  olderThanMs?: number | undefined
  newerThanMs?: number | undefined
}

const escaped = (text: string) => text.replaceAll(/[\\^$.|?+()[\]{}]/g, String.raw`\$&`)

const toPattern = (subject: string) =>
  new RegExp(
    `^${escaped(subject.replace(/^dead\./, ''))
      .replaceAll('*', '[^.]+')
      .replaceAll('>', '.+')}$`,
  )

/** Makes the test that a dead letter is selected. */
export const selects = ({ subject, reason, olderThanMs, newerThanMs }: Selection, now: Date) => {
  const pattern = subject === undefined ? undefined : toPattern(subject)
  return (letter: Letter): boolean => {
    const ageMs = now.getTime() - letter.storedAt.getTime()
    return (
      (pattern?.test(letter.type) ?? true) &&
      (reason === undefined || letter.reason.toLowerCase().includes(reason.toLowerCase())) &&
      (olderThanMs === undefined || ageMs > olderThanMs) &&
      (newerThanMs === undefined || ageMs < newerThanMs)
    )
  }
}
