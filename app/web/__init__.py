"""The application behind nginx: the only user of falcon.

It listens on a Unix socket that nginx alone connects to. What a client may not say
(whose vote it is, which file) comes from nginx, in headers that begin with `X-Larder-`
and in paths that nginx has parsed; answers that nginx can give better are
X-Accel-Redirect to locations that have no URL.
"""
