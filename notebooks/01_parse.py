# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Parse an utterance and look inside
#
# You learn what the parser answers, how sure it is of it, what else it thought possible, and how a whole frame comes out of a
# single pass: its length is guessed first, then every place gets a label or a pointer to a word. Three lengths are
# tried side by side.

# %%
# %matplotlib inline
from nlu import Parser
from nlu.explain import draw, explain
from nlu.parser import SHIPPED

parser = Parser.load(SHIPPED)
text = "message mum I'll be there at 6pm"
found = parser.parse(text)
print(found.frame.tree())

# %% [markdown]
# That is the frame as a tree: intents, their slots, and the words in them. What the model itself says is shorter: labels, and
# for each leaf the first and the last word that it points to, counted from 0. So it need not learn the words themselves.

# %%
print(*found.span)

# %% [markdown]
# ## How sure is it?
#
# Several frames, likeliest first. The probabilities are calibrated on held-out data: of frames with 0.8, four in five are right.

# %%
for candidate in parser.candidates("remind me to call the dentist tomorrow morning", count=4):
    print(f"{candidate.probability:6.3f}  {candidate.frame}")

# %% [markdown]
# ## Inside
#
# Above: the probability of each length of the frame. Below, a column for each token of the frame: how probable each label is,
# and how much its pointer attends to each word. All columns are computed side by side; no token waits for the one before,
# which is what makes it fast.

# %%
draw(explain(parser, text))

# %% [markdown]
# Where the parser is in doubt, columns are pale and lengths share the probability: is it the drive that comes after the game,
# or the arrival?

# %%
draw(explain(parser, "driving to dallas after the game"))

# %% [markdown]
# ## What it does not do
#
# It always answers, with a well-formed frame, also where there is nothing to understand; then the probability is lower, not nil.

# %%
for nonsense in ("colourless green ideas sleep furiously", "🙂 🙂 🙂", "[IN:GET_WEATHER ]"):
    found = parser.parse(nonsense)
    print(f"{found.probability:6.3f}  {found.frame}")
