/** A line that may be left out: the customer can do without it. */
interface OptionalLine {
  text: string
  kept: 'within two segments' | 'if free'
}

export type SmsLine = string | OptionalLine

/** A line that is left out if it makes a third segment. */
export const withinTwo = (text: string): SmsLine => ({ text, kept: 'within two segments' })

/** A line that is left out if it makes one more segment. */
export const ifFree = (text: string): SmsLine => ({ text, kept: 'if free' })

/** The default alphabet of GSM-7; characters of the extension table take two septets (3GPP TS 23.038 §6.2.1). */
const basic =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?' +
  '¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà'
const extension = '\f^{}\\[~]|€'
const septets = new Map([
  ...Array.from(basic, (one) => [one, 1] as const),
  ...Array.from(extension, (one) => [one, 2] as const),
])

/** Units of the only segment, and of each of several: these have a header (3GPP TS 23.040 §9.2.3.24.1). */
const capacities = { 'GSM-7': { only: 160, each: 153 }, 'UCS-2': { only: 70, each: 67 } }

/**
 * The encoding of an SMS, its length in septets of GSM-7 or characters of UCS-2, its segments, and the characters that
 * GSM-7 lacks. One of them puts the whole SMS into UCS-2.
 */
export const measureSms = (text: string) => {
  const characters = [...text]
  const notInGsm = characters.filter((one) => !septets.has(one))
  const encoding = notInGsm.length === 0 ? 'GSM-7' : 'UCS-2'
  const { only, each } = capacities[encoding]
  let length = 0
  let segments = 1
  let used = 0
  for (const one of characters) {
    const units = notInGsm.length === 0 ? (septets.get(one) ?? 0) : one.length
    length += units
    // A character is in one segment.
    if (used + units > each) {
      segments += 1
      used = 0
    }
    used += units
  }
  return { encoding, length, segments: length <= only ? 1 : segments, notInGsm } as const
}

const textOf = (line: SmsLine) => (typeof line === 'string' ? line : line.text)

/**
 * Joins the lines of an SMS, without the optional ones that make it too long. Each segment is paid for, and a phone may
 * show them in the wrong order.
 */
export const composeSms = (lines: SmsLine[]): string => {
  let chosen: SmsLine[] = lines.filter((line) => typeof line === 'string')
  const compose = (chosen: SmsLine[]) =>
    lines
      .filter((line) => chosen.includes(line))
      .map(textOf)
      .join('\n')
  const segmentsOf = (chosen: SmsLine[]) => measureSms(compose(chosen)).segments
  const add = (kept: OptionalLine['kept'], most: number) => {
    for (const line of lines) {
      if (typeof line === 'string' || line.kept !== kept) continue
      if (segmentsOf([...chosen, line]) <= most) chosen = [...chosen, line]
    }
  }
  add('within two segments', 2)
  add('if free', segmentsOf(chosen))
  return compose(chosen)
}
