import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTexts, localized, type PageLanguage, type Theme } from '@rekey/texts'
import { createLook } from './look.ts'
import { pageHeaders } from './page-scope.ts'
import type { Page, View } from './view.ts'

/** Pages by the name of their state. */
export type States = Record<string, (view: View) => Page>

interface Teardown {
  teardown(work: () => void): void
}

/** The elements of a page: the tags, with the attributes that select their look and their role. */
const elementsOf = (html: string): string[] =>
  [...html.matchAll(/<[a-z][^>]*>/g)].map(([tag]) =>
    tag.replaceAll(/ (?!class|type|role|autocomplete|inputmode)([\w-]+)="[^"]*"/g, ' $1'),
  )

/** @returns tells whether a page has an element that none had before: axe finds nothing new in the others */
export const createElementWatch = () => {
  const seen = new Set<string>()
  return (html: string): boolean => {
    const added = elementsOf(html).filter((element) => !seen.has(element))
    for (const element of added) seen.add(element)
    return added.length > 0
  }
}

/** Serves each state of a list at `/<name>?lang=<language>`, as the gateway renders it, without its other servers. */
export const startGallery = async (t: Teardown, theme: Theme, states: States) => {
  const { render, assets } = createLook(theme)
  const texts = createTexts('pages', theme)
  const viewOf = (language: PageLanguage, address: string): View => ({
    language,
    t: texts(language),
    brand: 'Rekey',
    contact: localized(theme.file.contact, language) ?? '+44 20 7946 0000',
    returnUrl: localized(theme.file.returnUrl, language),
    address,
    csrf: 'x'.repeat(43),
  })
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://gallery')
    const asset = assets.find(({ path }) => path === pathname)
    if (asset) return response.setHeader('content-type', asset.contentType).end(asset.body)
    const page = states[pathname.slice(1)]
    if (!page) return response.writeHead(404).end()
    const view = viewOf((searchParams.get('lang') ?? 'en') as PageLanguage, pathname)
    response.setHeaders(new Map(Object.entries(pageHeaders())))
    response.setHeader('content-type', 'text/html; charset=utf-8').end(render(view, page(view)))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    urlOf: (state: string, language: PageLanguage = 'en') => `${origin}/${state}?lang=${language}`,
  }
}
