import { html } from 'ghtml'

/** The dark modules of a QR code, as one path of lines, in a square of `size`. */
const shape = /^<svg [^<>]*viewBox="0 0 (\d{1,3}) \1"[^<>]*>.*<path stroke="#000000" d="([Mmhv\d. -]+)"\/><\/svg>\s*$/s

/**
 * HTML: the QR code of an enrolment (C2). It is drawn anew from its numbers: a page of ours contains no markup that
 * another service made (S34). Black on white in every colour scheme: apps read no other.
 *
 * @param label read out in its place
 * @returns '' for another form of image; the page then offers the secret as text alone
 */
export const qrCode = (svg: string, label: string): string => {
  const [, size, modules] = shape.exec(svg) ?? []
  if (size === undefined || modules === undefined) return ''
  return html`<svg class="qr" role="img" aria-label="${label}" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h${size}v${size}H0z"/><path stroke="#000" d="${modules}"/></svg>`
}
