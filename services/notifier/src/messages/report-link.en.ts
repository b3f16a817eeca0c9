import { reportLinkDays } from '@rekey/contracts'
import type { Block } from './compose-mail.ts'

interface Content {
  brand: string
  /** Start of the advice: `If it was not you`. */
  otherwise: string
  reportLink: string
}

const label = 'It was not me'

/**
 * What to do after a change that was not the customer's own (ASVS 6.3.7). The link comes first, since it works at any
 * hour. The text states its effect, since only the staff can undo it.
 */
export const reportBlocks = ({ brand, otherwise, reportLink }: Content): Block[] => [
  `${otherwise}, say so here at once:`,
  { label, url: reportLink },
  `Once you have confirmed it on the page that opens, nobody can sign in to your account or restore its password until ${brand} has spoken with you. The link works once, for ${reportLinkDays} days, for whoever has it: do not pass this message on.`,
  `Then call ${brand}, on a number that you already know.`,
]

/** The same for SMS, with the link at the end of a line. */
export const reportSms = ({ reportLink }: Pick<Content, 'reportLink'>): string =>
  `${label}: ${reportLink}\nThat blocks sign-in and restore until we have spoken with you.`
