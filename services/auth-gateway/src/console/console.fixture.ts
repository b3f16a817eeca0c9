import type { Rekey } from '@rekey/test-support/rekey'

interface Page {
  status: number
  url: string
  text: string
  headers: Headers
}

const unescapeHtml = (text: string) =>
  text.replaceAll(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code))).replaceAll('&amp;', '&')

/** The fields of a page's form whose action contains this text. */
export const formOf = ({ text }: { text: string }, action: string) => {
  for (const [, attributes = '', body = ''] of text.matchAll(/<form ([^>]*)>(.*?)<\/form>/gs)) {
    const target = unescapeHtml(/action="([^"]*)"/.exec(attributes)?.[1] ?? '')
    if (!target.includes(action)) continue
    const fields = [...body.matchAll(/<input [^>]*>/g)].map(([tag]) => [
      /name="([^"]*)"/.exec(tag)?.[1] ?? '',
      unescapeHtml(/value="([^"]*)"/.exec(tag)?.[1] ?? ''),
    ])
    return { action: target, fields: Object.fromEntries(fields) as Record<string, string> }
  }
  throw new Error(`the page has no form for ${action}: ${text}`)
}

export const titleOf = ({ text }: { text: string }) => unescapeHtml(/<h1[^>]*>([^<]*)<\/h1>/.exec(text)?.[1] ?? '')

/** A browser without scripts, at a desk: keeps cookies, follows redirects, and submits the forms of pages. */
export const createDesk = ({ url }: Pick<Rekey, 'url'>) => {
  const cookies = new Map<string, string>()
  /** Every Set-Cookie header. */
  const setCookies: string[] = []

  /** One request, without following its redirect. */
  const request = async (target: string, init: RequestInit = {}) => {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
    const answer = await fetch(new URL(target, url), {
      redirect: 'manual',
      ...init,
      headers: { ...(cookie && { cookie }), ...(init.headers as Record<string, string>) },
    })
    for (const line of answer.headers.getSetCookie()) {
      setCookies.push(line)
      const [pair = ''] = line.split(';')
      const name = pair.slice(0, pair.indexOf('='))
      if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name)
      else cookies.set(name, pair.slice(name.length + 1))
    }
    return answer
  }

  const go = async (target: string, init: RequestInit = {}): Promise<Page> => {
    let answer = await request(target, init)
    let at = new URL(target, url).href
    for (let hops = 0; answer.status >= 300 && answer.status < 400 && hops < 12; hops += 1) {
      at = new URL(answer.headers.get('location') ?? '', at).href
      answer = await request(at)
    }
    return { status: answer.status, url: at, text: await answer.text(), headers: answer.headers }
  }

  const post = (target: string, fields: Record<string, string>) =>
    go(target, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' },
      body: new URLSearchParams(fields).toString(),
    })

  return {
    cookies,
    setCookies,
    request,
    go,
    post,
    /** Submits the form of a page whose action contains this text. */
    submit(page: Page, action: string, input: Record<string, string> = {}) {
      const form = formOf(page, action)
      return post(new URL(form.action, page.url).href, { ...form.fields, ...input })
    },

    /** Begins a sign-in. @returns the URL at the demo provider */
    async begin(path = '/staff'): Promise<string> {
      const answer = await request(`/staff/sign-in/start?${new URLSearchParams({ return: path })}`)
      return answer.headers.get('location') ?? ''
    },

    /** Signs in at the demo provider, and stops before the console gets the answer. @returns the URL of the answer */
    async answerOf(begun: string, name = 'staff-1', password = '111111'): Promise<string> {
      let at = new URL(begun)
      const next = async (init: RequestInit = {}) => {
        at = new URL((await request(at.href, init)).headers.get('location') ?? '', at)
      }
      await next()
      await next({
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ name, password }).toString(),
      })
      await next()
      return at.href
    },

    /** Signs in at the demo provider. @returns the page that follows */
    async signIn(name: string, password: string, path = '/staff'): Promise<Page> {
      const page = await go(path)
      const link = unescapeHtml(/href="(\/staff\/sign-in\/start[^"]*)"/.exec(page.text)?.[1] ?? '')
      const provider = await go(link)
      return this.submit(provider, '/sign-in/', { name, password })
    },
  }
}

export type DeskBrowser = ReturnType<typeof createDesk>
