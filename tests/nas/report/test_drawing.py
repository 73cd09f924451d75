import pytest

from nas.report.drawing import legend_above
from nas.report.style import new_figure


@pytest.mark.parametrize("count", [1, 3, 4, 5, 7])
@pytest.mark.parametrize("length", [4, 16, 28])
def test_a_legend_stays_inside_the_picture(count: int, length: int) -> None:
    figure, ((axes,),) = new_figure(width=5.0, height=3.8)
    for number in range(count):
        axes.plot([0.0, 1.0], [0.0, 1.0], label=f"{number} ".ljust(length, "m"))
    legend_above(figure, [axes])
    figure.canvas.draw()
    (legend,) = figure.legends
    assert [len(text.get_text()) for text in legend.get_texts()] == [length] * count
    inside, whole = legend.get_window_extent(), figure.bbox
    assert whole.x0 <= inside.x0
    assert inside.x1 <= whole.x1
    assert inside.y1 <= whole.y1
    heights = [text.get_window_extent().y0 for text in legend.get_texts()]
    if length == 4 and count <= 4:  # there is room for one row
        assert max(heights) - min(heights) < 4
