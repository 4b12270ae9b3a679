-- name: feed_listen
listen portico_feed
