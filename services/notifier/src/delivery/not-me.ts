import { reportLinkDays } from '@rekey/contracts'
import type { Block } from './compose-mail.ts'

interface Content {
  brand: string
  /** Begins the advice: `If it was not you`. */
  otherwise: string
  reportLink: string
}

const label = 'It was not me'

/**
 * What somebody may do who did not do it (ASVS 6.3.7). The link comes first: it works at any hour. It says what it does
 * before it is pressed, since nobody but the staff can undo it.
 */
export const notMeBlocks = ({ brand, otherwise, reportLink }: Content): Block[] => [
  `${otherwise}, say so here at once:`,
  { label, url: reportLink },
  `Once you have confirmed it on the page that opens, nobody can sign in to your account or restore its password until ${brand} has spoken with you. The link works once, for ${reportLinkDays} days, for whoever has it: do not pass this message on.`,
  `Then call ${brand}, on a number that you already know.`,
]

/** The same in an SMS, the link alone on its line. */
export const notMeSms = ({ reportLink }: Pick<Content, 'reportLink'>): string =>
  `${label}: ${reportLink}\nThat blocks sign-in and restore until we have spoken with you.`
