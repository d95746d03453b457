"""Sets of photos of different kinds, on which recipes of training are chosen and then judged.

The halves were named before the first run: on `choosing` recipes may be tried as often as wished,
on `unseen` the chosen one is run once. Those of `seen` were unseen until the recipe that chose by
one probe, or the one that chose by a trial, was run on them; that letters are better learned anew
was expected of the next one, and that training must darken, but nothing was chosen on them; or the
one whose network was lite0 for all; or the one that stayed near each probe from which it started:
flowers, objects, words and bricks, then kana, music, lungs, vegetables, clothes and cars.
Hands and signs were unseen until the rule of two probes was run on them, and are for choosing
since; so are expressions, flowers, music, clothes and cars since the present rule, which goes far
from a probe that errs often, was chosen on them. A set comes from scikit-learn, from the digits
sample, or from a public repository of GitHub, of which the folder of clones holds owner+name/repo.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class RecipeSet:
    """A set: where its photos come from, and how many of each class are taken."""

    half: Literal["choosing", "seen", "unseen"]
    about: str
    source: str  # owner/name on GitHub, or digits, pets or scikit-learn
    label: str = r"^(?P<label>.+)_\d+\.\w+$"  # what of a file's path in the source is its class
    most: int = 10_000  # photos of a class
    counts: tuple[int, ...] = ()  # instead: photos of the first class by name, of the second, ...
    table: str = ""  # CSV of the source whose second and third columns are file name and class


SETS = {
    "digits": RecipeSet(half="choosing", about="the sample: handwriting on paper", source="digits"),
    "pets": RecipeSet(half="choosing", about="37 breeds, fine-grained", source="pets"),
    "textures": RecipeSet(
        half="choosing",
        about="10 textures, 50 photos each",
        source="pan8915/DeepTexture",
        label=r"^images/(?P<label>\w+)/",
        most=50,
    ),
    "trash": RecipeSet(
        half="choosing",
        about="6 materials, 10 to 200 photos",
        source="congduytran12/Trash-Classification-",
        label=r"^dataset-resized/(?P<label>\w+)/",
        counts=(20, 100, 40, 200, 60, 10),
    ),
    "scans": RecipeSet(
        half="choosing",
        about="10 digits of 8 x 8 pixels, grey, 20 each",
        source="scikit-learn",
        most=20,
    ),
    "more scans": RecipeSet(
        half="choosing",
        about="10 digits of 8 x 8 pixels, grey, 100 each",
        source="scikit-learn",
        most=100,
    ),
    "alphabet": RecipeSet(
        half="choosing",
        about="26 Latin letters, thin strokes, 20 drawings each",
        source="brendenlake/omniglot",
        label=r"^images_background_small1/Latin/(?P<label>\w+)/",
    ),
    "faces": RecipeSet(
        half="seen",
        about="30 people, 15 grey photos each",
        source="GuedaliaBonheur/ML2018_410321328_TermProject",
        label=r"^(?P<label>s\d+)/",
    ),
    "defects": RecipeSet(
        half="seen",
        about="6 defects of steel, grey, 8 to 100 photos",
        source="siddhartamukherjee/NEU-DET-Steel-Surface-Defect-Detection",
        label=r"^IMAGES/(?P<label>[a-z_-]+)_\d+",
        counts=(100, 60, 40, 25, 15, 8),
    ),
    "monkeys": RecipeSet(
        half="seen",
        about="10 species, 100 photos each",
        source="nikhildutta333/Monkey-Species-Classification",
        label=r"^training/(?P<label>n\d)/",
        most=100,
    ),
    "letters": RecipeSet(
        half="seen",
        about="40 letters, thin strokes, 20 drawings each",
        source="brendenlake/omniglot",
        label=r"^images_background_small1/Korean/(?P<label>\w+)/",
    ),
    "insects": RecipeSet(
        half="seen",
        about="ants or bees, 397 photos",
        source="zhangtao7750/syn",
        label=r"^hymenoptera_data/\w+/(?P<label>ants|bees)/",
    ),
    "hands": RecipeSet(
        half="choosing",
        about="10 digits in sign language, 60 photos each",
        source="ardamavi/Sign-Language-Digits-Dataset",
        label=r"^Dataset/(?P<label>\d)/",
        most=60,
    ),
    "signs": RecipeSet(
        half="choosing",
        about="23 traffic signs, small, 30 photos each",
        source="SalmanAlfarisi5/TrafficSignClassification",
        label=r"^Datasets/(?P<label>\d+)_",
        most=30,
    ),
    "rooms": RecipeSet(
        half="seen",
        about="4 views of houses: kitchen, bath, bed, front; 100 photos each",
        source="emanhamed/Houses-dataset",
        label=r"^Houses Dataset/\d+_(?P<label>\w+)\.",
        most=100,
    ),
    "cats": RecipeSet(
        half="seen",
        about="cats or dogs, 200 small photos each",
        source="ardamavi/Dog-Cat-Classifier",
        label=r"^Data/Train_Data/(?P<label>cat|dog)/",
        most=200,
    ),
    "expressions": RecipeSet(
        half="choosing",
        about="6 expressions of faces, 100 photos each",
        source="muxspace/facial_expressions",
        label=r"^images/(?P<label>anger|disgust|happiness|neutral|sadness|surprise)/",
        table="data/legend.csv",
        most=100,
    ),
    "syllables": RecipeSet(
        half="seen",
        about="47 signs of a script, thin strokes, 20 drawings each",
        source="brendenlake/omniglot",
        label=r"^images_background_small2/Japanese_\(katakana\)/(?P<label>\w+)/",
    ),
    "greek": RecipeSet(
        half="seen",
        about="24 letters, thin strokes, 20 drawings each",
        source="brendenlake/omniglot",
        label=r"^images_background_small2/Greek/(?P<label>\w+)/",
    ),
    "leaves": RecipeSet(
        half="seen",
        about="sugarcane leaves: healthy, red rot, red rust; 75 photos each",
        source="RoshitaB/Sugarcane-Leaf-Disease-Detection",
        label=r"^dataset/(?P<label>\w+)/",
    ),
    "logos": RecipeSet(
        half="seen",
        about="two logos or neither, 100 photos each",
        source="AndyWang99/logo-recog",
        label=r"^data/train/logo_(?P<label>\w+)/",
        most=100,
    ),
    "plants": RecipeSet(
        half="seen",
        about="9 flowers and trees, 40 photos each",
        source="690993295/myproject-demo",
        label=r"^data/train/(?P<label>\w+)/",
        most=40,
    ),
    "daylight": RecipeSet(
        half="seen",
        about="one camera by day or by night, 80 photos each",
        source="udacity/CVND_Exercises",
        label=r"^1_1_Image_Representation/day_night_images/test/(?P<label>\w+)/",
    ),
    "gestures": RecipeSet(
        half="seen",
        about="5 gestures of a hand as white shapes, 40 frames each",
        source="asingh33/CNNGestureRecognizer",
        label=r"^imgfolder_b/\w*?(?P<label>ok|nothing|peace|punch|stop)\d+\.",
        most=40,
    ),
    "flowers": RecipeSet(
        half="choosing",
        about="5 flowers, 60 photos each",
        source="martinwestin/flower_classification",
        label=r"^flowers/(?P<label>\w+)/",
        most=60,
    ),
    "objects": RecipeSet(
        half="seen",
        about="8 kinds of vehicles, animals, fruit and people, 40 photos each",
        source="Keunyoung-Jung/my_first_DL",
        label=r"^natural_images/(?P<label>\w+)/",
        most=40,
    ),
    "words": RecipeSet(
        half="seen",
        about="10 words in sign language, 40 frames each",
        source="JeiJei-dev/IA-Proyecto-4-Imagenes",
        label=r"^dataset/(?P<label>[a-z ]+)/",
        most=40,
    ),
    "bricks": RecipeSet(
        half="seen",
        about="4 toy bricks, 66 views each",
        source="Keunyoung-Jung/my_first_DL",
        label=r"^lego_test/lego/(?P<label>lego_\d)/",
    ),
    "kana": RecipeSet(
        half="seen",
        about="36 handwritten signs of a script, 20 of each",
        source="inoueMashuu/hiragana-dataset",
        label=r"^hiragana_images/kana(?P<label>[HKMNRST]?[AEIOU])\d+\.",
    ),
    "music": RecipeSet(
        half="choosing",
        about="10 genres of music as spectrograms, 50 each",
        source="MikeyDolan/DL_images",
        label=r"^images_original/(?P<label>\w+)/",
        most=50,
    ),
    "lungs": RecipeSet(
        half="seen",
        about="3 findings in x-rays of lungs, 68 to 111 photos",
        source="Dilara-Benli/covid19_image_classification",
        label=r"^Covid19-dataset/train/(?P<label>[\w ]+)/",
    ),
    "vegetables": RecipeSet(
        half="seen",
        about="22 vegetables in shops, several views of a box, 16 to 30 photos",
        source="marcusklasson/GroceryStoreDataset",
        label=r"^dataset/train/Vegetables/(?:\w+/)?(?P<label>[\w-]+)/\w",
        most=30,
    ),
    "clothes": RecipeSet(
        half="choosing",
        about="10 kinds of clothes, 50 photos each",
        source="alexeygrigorev/clothing-dataset-small",
        label=r"^train/(?P<label>[\w-]+)/",
        most=50,
    ),
    "cars": RecipeSet(
        half="choosing",
        about="5 makes of cars, fine-grained, 57 to 60 photos",
        source="VidhyaGupta/Car-Brand-Classification",
        label=r"^Datasets/Train/(?P<label>\w+)/",
    ),
    "birds": RecipeSet(
        half="unseen",
        about="6 kinds of birds, 60 photos each",
        source="castellwhite/BirdsClassification",
        label=r"^birds/(?P<label>\w+)/",
        most=60,
    ),
    "ultrasound": RecipeSet(
        half="unseen",
        about="a tumour, benign or malignant, or none in ultrasound, 67 images each",
        source="TongxinWang0405/BMI702_project",
        label=r"^Dataset_BUSI_with_GT/(?P<label>\w+)/\w+ \(\d+\)\.png",
        most=67,
    ),
    "dishes": RecipeSet(
        half="unseen",
        about="20 dishes, half of them Indian, 26 to 30 photos",
        source="Bhavyasree2013/AI-Calorie-Estimator",
        label=r"^dataset/(?P<label>[\w ]+)/0000(?!11|14|21)",
        most=30,
    ),
    "script": RecipeSet(
        half="unseen",
        about="23 handwritten signs of a script, thin strokes, 25 of each",
        source="phoenixfin/aksalonta_dataset",
        label=r"^data/(?P<label>\w+)/",
        most=25,
    ),
    "weather": RecipeSet(
        half="unseen",
        about="4 kinds of weather: cloudy, rain, shine, sunrise; 60 photos each",
        source="haileyesus34/image-classification-using-RandomForest",
        label=r"^data/train/(?P<label>[a-z]+)/(?!rain137|sunrise16|sunrise23)",
        most=60,
    ),
    "aerial": RecipeSet(
        half="unseen",
        about="30 kinds of land seen from above, 20 photos each",
        source="zlima/testtensor",
        label=r"^AID/(?P<label>\w+)/\w+_\d\d?\.",
        most=20,
    ),
    "widgets": RecipeSet(
        half="unseen",
        about="21 controls of a program's window as sketches, 25 of each",
        source="yulianzavodnyk/IASA-Champ-24-UI-Element-Sketch-Classification",
        label=r"^data/train/(?P<label>\w+)/0",
        most=25,
    ),
    "machines": RecipeSet(
        half="unseen",
        about="6 machines of a gym, 60 photos each",
        source="siddharthkhincha/Gym-Equipment-Classifier",
        label=r"^data/train/(?P<label>\w+)/\d\d?\.",
        most=60,
    ),
    "comics": RecipeSet(
        half="unseen",
        about="5 characters of a comic as drawings, toys and cards, 22 to 60 images",
        source="ichbindev/ml-pokedex",
        label=r"^dataset/(?P<label>\w+)/(?!00000007\.png)",
        most=60,
    ),
    "places": RecipeSet(
        half="unseen",
        about="8 kinds of places, indoors and outdoors, 50 photos each",
        source="H2K804/scene-classify-bagOfWords",
        label=r"^data/(?P<label>\w+)/",
        most=50,
    ),
    "sports": RecipeSet(
        half="unseen",
        about="22 kinds of sport, 25 photos each",
        source="jurjsorinliviu/Sports-Type-Classifier",
        label=r"^data/(?P<label>\w+)/000000\d\d\.",
        most=25,
    ),
    "fruit": RecipeSet(
        half="unseen",
        about="10 kinds of fruit, 50 photos each",
        source="kizokubanczyk/Fruit-classification",
        label=r"^data/train/(?P<label>\w+)/img_\d*[0-2]1\.",
        most=50,
    ),
}
