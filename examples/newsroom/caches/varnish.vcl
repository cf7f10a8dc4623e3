vcl 4.1;

# Varnish in front of the newsroom. Public pages are the same for everyone, so they are kept without cookies; a reader's own
# pages are passed, and never kept. `fault` is a planted mistake to play with: see variants.py. (This is a Jinja template.)

import std;
import purge;
{% if xkey %}
import xkey;
{% endif %}

backend site {
    .host = "{{ host }}";
    .port = "{{ port }}";
}

acl purgers {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.method == "PURGE" || req.method == "BAN") {
        if (client.ip !~ purgers) {
            return (synth(405, "Not allowed"));
        }
        {% if fault == "purge_noop" %}
        return (synth(200, "Purged"));
        {% endif %}
        call forget;
    }
    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    # What is not part of the key must not reach the site, or one visitor makes the page of the next.
    {% if fault != "forwarded_host" %}
    unset req.http.X-Forwarded-Host;
    unset req.http.X-Original-URL;
    {% endif %}
    # Where a visitor came from changes nothing of the page.
    {% if fault != "tracking_in_key" %}
    if (req.url ~ "[?&]utm_") {
        set req.url = regsuball(req.url, "(?<=[?&])utm_[A-Za-z]+=[^&]*&?", "");
        set req.url = regsub(req.url, "[?&]+$", "");
    }
    {% endif %}
    {% if fault == "query_ignored" %}
    set req.url = regsub(req.url, "\?.*$", "");
    {% endif %}
    {% if fault == "pass_everything" %}
    return (pass);
    {% endif %}
    {% if fault == "suffix_is_static" %}
    if (req.url ~ "\.(css|js|png)(\?|$)") {
        unset req.http.Cookie;
        return (hash);
    }
    {% endif %}
    if (req.url ~ "^/+(me|me\.json|bookmarks|login|logout|register|drafts)([/?;.%]|$)" || req.http.Authorization) {
        {% if fault != "keep_private" %}
        return (pass);
        {% else %}
        return (hash);
        {% endif %}
    }
    unset req.http.Cookie;
}

sub vcl_hash {
}

# PURGE of an address says how many variants it forgot. With Surrogate-Key it forgets all that carries one of the keys; the
# pattern is anchored, so that article:1 is not article:10. BAN takes a path, whole.
sub forget {
    if (req.http.Surrogate-Key) {
        if (req.http.Surrogate-Key !~ "^[A-Za-z0-9:_. -]+$") {
            return (synth(400, "A key holds letters, digits and : _ . - only"));
        }
        {% if xkey %}
        # The module has an index of keys: a purge costs what it forgets, not what is kept.
        set req.http.X-Purged = xkey.purge(req.http.Surrogate-Key);
        return (synth(200, "Purged"));
        {% endif %}
        set req.http.X-Keys = regsuball(regsuball(req.http.Surrogate-Key, "\.", "\\."), " +", "|");
        {% if fault == "sloppy_keys" %}
        ban("obj.http.Surrogate-Key ~ (" + req.http.X-Keys + ")");
        {% else %}
        ban("obj.http.Surrogate-Key ~ (^|\s)(" + req.http.X-Keys + ")(\s|$)");
        {% endif %}
        return (synth(200, "Banned"));
    }
    if (req.method == "BAN") {
        {% if fault == "sloppy_ban" %}
        ban("obj.http.X-Path ~ ^" + req.url);
        {% else %}
        ban("obj.http.X-Path == " + req.url);
        {% endif %}
        return (synth(200, "Banned"));
    }
    return (hash);
}

sub vcl_hit {
    if (req.method == "PURGE") {
        set req.http.X-Purged = purge.hard();
        return (synth(200, "Purged"));
    }
}

sub vcl_miss {
    if (req.method == "PURGE") {
        set req.http.X-Purged = purge.hard();
        return (synth(200, "Purged"));
    }
}

sub vcl_synth {
    if (req.http.X-Purged) {
        set resp.http.X-Purged = req.http.X-Purged;
    }
}

sub vcl_backend_response {
    set beresp.http.X-Path = bereq.url;
    {% if xkey %}
    set beresp.http.xkey = beresp.http.Surrogate-Key;
    {% endif %}
    if (beresp.http.Cache-Control ~ "stale-while-revalidate=[0-9]+") {
        set beresp.grace = std.duration(
            regsub(beresp.http.Cache-Control, "^.*stale-while-revalidate=([0-9]+).*$", "\1") + "s", 0s);
    } else {
        set beresp.grace = 0s;
    }
    {% if fault in ("keep_private", "suffix_is_static") %}
    if (!bereq.uncacheable) {
        unset beresp.http.Set-Cookie;
        set beresp.ttl = 600s;
        return (deliver);
    }
    {% endif %}
    {% if fault == "keep_errors" %}
    if (beresp.status >= 400) {
        set beresp.ttl = 1h;
        set beresp.http.Cache-Control = "public, s-maxage=3600";
        return (deliver);
    }
    {% endif %}
    if (!beresp.http.Cache-Control || beresp.http.Set-Cookie || beresp.http.Cache-Control ~ "(private|no-store|no-cache)") {
        set beresp.uncacheable = true;
        set beresp.ttl = 0s;
    }
}

sub vcl_deliver {
    if (obj.uncacheable) {
        set resp.http.Cache-Status = "newsroom; fwd=bypass";
    } else if (obj.hits > 0) {
        set resp.http.Cache-Status = "newsroom; hit";
    } else {
        set resp.http.Cache-Status = "newsroom; fwd=miss; stored";
    }
    {% if fault == "no_cache_status" %}
    unset resp.http.Cache-Status;
    unset resp.http.Age;
    {% endif %}
    {% if fault == "age_too_great" %}
    set resp.http.Age = "999999";
    {% endif %}
    unset resp.http.X-Path;
    unset resp.http.xkey;
    unset resp.http.X-Varnish;
    unset resp.http.Via;
    {% if fault != "keys_visible" %}
    if (req.http.X-Staging != "{{ staging }}") {
        unset resp.http.Surrogate-Key;
    }
    {% endif %}
}
