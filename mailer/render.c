/* render.c - fills mail templates. */
#include "render.h"

#include "template.h"
#include "templates.h"

#include <math.h>
#include <stdlib.h>

static const char *fill(struct arena *a, const char *source, bool html, const struct json *vars,
                        const struct template_value *extras)
{
	const struct template_part t = {source, html, RENDER_PART_MAX, tpl_files};

	return template_fill(a, &t, vars, extras);
}

/* ---- mails ---- */

/* The part `name`.LANG.`type` in the language of `locale`, else in English. */
static const char *find_part(struct arena *a, const char *name, const char *locale,
                             const char *type)
{
	size_t language = locale ? strcspn(locale, "-_") : 0;
	const char *text = NULL;

	if (language)
		text = template_file(tpl_files, arena_printf(a, "%s.%.*s.%s", name, (int)language,
		                                             locale, type));
	return text ? text : template_file(tpl_files, arena_printf(a, "%s.en.%s", name, type));
}

int render_mail(struct arena *a, const char *name, const char *locale, const struct json *vars,
                const struct template_value *extras, struct rendered *out_r)
{
	static const char subject[] = "Subject: ";
	const char *text = find_part(a, name, locale, "txt");
	const char *html = find_part(a, name, locale, "html");
	const char *end;

	if (!text || !html)
		return -1;
	text = fill(a, text, false, vars, extras);
	out_r->html = fill(a, html, true, vars, extras);
	end = text ? strstr(text, "\n\n") : NULL;
	if (!end || !out_r->html || strncmp(text, subject, strlen(subject)) != 0)
		return -1;
	out_r->subject =
		arena_strndup(a, text + strlen(subject), (size_t)(end - text) - strlen(subject));
	out_r->text = end + 2;
	return 0;
}

static int two_digits(const char *text)
{
	return (text[0] - '0') * 10 + (text[1] - '0');
}

const char *render_time(struct arena *a, const char *locale, const char *local)
{
	static const char shape[] = "dddd-dd-dd dd:dd ";
	static const char *const months[] = {"January",   "February", "March",    "April",
	                                     "May",       "June",     "July",     "August",
	                                     "September", "October",  "November", "December"};
	int month;

	(void)locale; /* English is the only language so far */
	if (!local || strlen(local) <= strlen(shape))
		return NULL;
	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == 'd' ? local[i] < '0' || local[i] > '9' : local[i] != shape[i])
			return NULL;
	month = two_digits(local + 5);
	if (month < 1 || month > 12)
		return NULL;
	return arena_printf(a, "%d %s %.4s, %.5s (%s)", two_digits(local + 8), months[month - 1],
	                    local, local + 11, local + strlen(shape));
}

/* What one channel ("ff") adds to the luminance, of 1 (WCAG 2, sRGB). */
static double channel(const char *hex)
{
	const char digits[3] = {hex[0], hex[1], '\0'};
	double v = (double)strtol(digits, NULL, 16) / 255;

	return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

const char *render_contrast(const char *color)
{
	double light;

	if (!color || strlen(color) != 7)
		return "#ffffff";
	light = 0.2126 * channel(color + 1) + 0.7152 * channel(color + 3) +
	        0.0722 * channel(color + 5);
	/* 1.05 / (light + 0.05) for white, (light + 0.05) / 0.05 for black: one is 4.58 at least */
	return (light + 0.05) * (light + 0.05) <= 1.05 * 0.05 ? "#ffffff" : "#000000";
}
